//! The operations that stories use: names, display names, routes, and how the service answers.

/// How an operation is answered and logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// In the response: Started, then Succeeded, both with the request.
    AtOnce,
    /// Later: Started and Accepted with the request, the finishing row without it.
    Later,
    /// One row of a policy that the write touched: no request.
    Policy,
    /// One row of the platform itself: no caller.
    Platform,
}

/// A kind of operation.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Name, in the case that the resource provider declares.
    pub name: &'static str,
    /// Display name.
    pub display: &'static str,
    /// HTTP method.
    pub method: &'static str,
    /// What follows the resource id in the request.
    pub route: &'static str,
    /// API version of the request.
    pub api_version: &'static str,
    /// Display name of the resource provider.
    pub provider_display: &'static str,
    /// How it is answered.
    pub answer: Answer,
    /// `category.value`.
    pub category: &'static str,
}

impl Kind {
    /// The resource provider: what comes before the first slash.
    #[must_use]
    pub fn provider(&self) -> &'static str {
        self.name.split('/').next().unwrap_or(self.name)
    }

    /// The resource type: all but the last segment (and, for an action, the action's name).
    #[must_use]
    pub fn resource_type(&self) -> String {
        let mut segments: Vec<&str> = self.name.split('/').collect();
        if segments.pop() == Some("action") {
            segments.pop();
        }
        segments.join("/")
    }
}

macro_rules! kinds {
    ($($constant:ident: $name:literal, $display:literal, $method:literal, $route:literal, $version:literal, $provider:literal, $answer:ident;)*) => {
        $(
            #[doc = concat!("`", $name, "`")]
            pub static $constant: Kind = Kind {
                name: $name,
                display: $display,
                method: $method,
                route: $route,
                api_version: $version,
                provider_display: $provider,
                answer: Answer::$answer,
                category: "Administrative",
            };
        )*
        /// All kinds that are called by somebody.
        pub static CALLED: &[&Kind] = &[$(&$constant),*];
    };
}

kinds! {
    RUN_COMMAND: "Microsoft.Compute/virtualMachines/runCommand/action", "Run Command on Virtual Machine", "POST", "/runCommand", "2023-09-01", "Microsoft.Compute", Later;
    RUN_COMMANDS_WRITE: "Microsoft.Compute/virtualMachines/runCommands/write", "Create or Update Virtual Machine Run Command", "PUT", "", "2023-09-01", "Microsoft.Compute", Later;
    RUN_COMMANDS_DELETE: "Microsoft.Compute/virtualMachines/runCommands/delete", "Delete Virtual Machine Run Command", "DELETE", "", "2023-09-01", "Microsoft.Compute", Later;
    EXTENSIONS_WRITE: "Microsoft.Compute/virtualMachines/extensions/write", "Create or Update Virtual Machine Extension", "PUT", "", "2023-09-01", "Microsoft.Compute", Later;
    VM_WRITE: "Microsoft.Compute/virtualMachines/write", "Create or Update Virtual Machine", "PUT", "", "2023-09-01", "Microsoft.Compute", Later;
    VM_START: "Microsoft.Compute/virtualMachines/start/action", "Start Virtual Machine", "POST", "/start", "2023-09-01", "Microsoft.Compute", Later;
    VM_RESTART: "Microsoft.Compute/virtualMachines/restart/action", "Restart Virtual Machine", "POST", "/restart", "2023-09-01", "Microsoft.Compute", Later;
    VM_DEALLOCATE: "Microsoft.Compute/virtualMachines/deallocate/action", "Deallocate Virtual Machine", "POST", "/deallocate", "2023-09-01", "Microsoft.Compute", Later;
    BOOT_DIAGNOSTICS: "Microsoft.Compute/virtualMachines/retrieveBootDiagnosticsData/action", "Retrieve boot diagnostic logs blob URIs", "POST", "/retrieveBootDiagnosticsData", "2023-09-01", "Microsoft.Compute", AtOnce;
    SNAPSHOT_WRITE: "Microsoft.Compute/snapshots/write", "Create or Update Snapshot", "PUT", "", "2023-10-02", "Microsoft.Compute", Later;
    SNAPSHOT_ACCESS: "Microsoft.Compute/snapshots/beginGetAccess/action", "Get Snapshot SAS URI", "POST", "/beginGetAccess", "2023-10-02", "Microsoft.Compute", Later;
    LIST_KEYS: "Microsoft.Storage/storageAccounts/listKeys/action", "List Storage Account Keys", "POST", "/listKeys", "2023-01-01", "Microsoft.Storage", AtOnce;
    STORAGE_WRITE: "Microsoft.Storage/storageAccounts/write", "Create/Update Storage Account", "PUT", "", "2023-01-01", "Microsoft.Storage", AtOnce;
    DEPLOYMENT_WRITE: "Microsoft.Resources/deployments/write", "Create Deployment", "PUT", "", "2022-09-01", "Microsoft Resources", Later;
    DEPLOYMENT_VALIDATE: "Microsoft.Resources/deployments/validate/action", "Validate Deployment", "POST", "/validate", "2022-09-01", "Microsoft Resources", AtOnce;
    TAGS_WRITE: "Microsoft.Resources/tags/write", "Create or Update Tag", "PATCH", "", "2022-09-01", "Microsoft Resources", AtOnce;
    ROLE_ASSIGNMENT_WRITE: "Microsoft.Authorization/roleAssignments/write", "Create role assignment", "PUT", "", "2022-04-01", "Microsoft.Authorization", AtOnce;
    SECURITY_RULE_WRITE: "Microsoft.Network/networkSecurityGroups/securityRules/write", "Create or Update Security Rule", "PUT", "", "2023-09-01", "Microsoft.Network", Later;
    DIAGNOSTIC_SETTING_WRITE: "Microsoft.Insights/diagnosticSettings/write", "Create or update resource diagnostic setting", "PUT", "", "2021-05-01-preview", "Microsoft.Insights", AtOnce;
    DIAGNOSTIC_SETTING_DELETE: "Microsoft.Insights/diagnosticSettings/delete", "Delete resource diagnostic setting", "DELETE", "", "2021-05-01-preview", "Microsoft.Insights", AtOnce;
    EXPORT_TERRAFORM: "Microsoft.AzureTerraform/exportTerraform/action", "Exports the Terraform configuration of the specified resources", "POST", "/exportTerraform", "2023-07-01-preview", "Microsoft.AzureTerraform", Later;
    VAULT_WRITE: "Microsoft.KeyVault/vaults/write", "Update Key Vault", "PUT", "", "2023-07-01", "Microsoft.KeyVault", AtOnce;
    SITE_CONFIG_LIST: "Microsoft.Web/sites/config/list/action", "List Web App Security Sensitive Settings", "POST", "/list", "2022-03-01", "Azure Web Sites", AtOnce;
}

/// A policy looked at a write.
pub static POLICY_AUDIT: Kind = Kind {
    name: "Microsoft.Authorization/policies/audit/action",
    display: "'audit' Policy action.",
    method: "",
    route: "",
    api_version: "",
    provider_display: "Microsoft.Authorization",
    answer: Answer::Policy,
    category: "Policy",
};

/// The platform restarted a web application.
pub static RESTART_WEB_SITE: Kind = Kind {
    name: "RestartWebSite",
    display: "Restart website",
    method: "",
    route: "",
    api_version: "",
    provider_display: "Azure Web Sites",
    answer: Answer::Platform,
    category: "Administrative",
};

#[cfg(test)]
mod tests {
    use super::{CALLED, EXTENSIONS_WRITE, RUN_COMMAND};

    #[test]
    fn types_and_providers_come_from_the_name() {
        assert_eq!(
            RUN_COMMAND.resource_type(),
            "Microsoft.Compute/virtualMachines"
        );
        assert_eq!(
            EXTENSIONS_WRITE.resource_type(),
            "Microsoft.Compute/virtualMachines/extensions"
        );
        assert!(
            CALLED
                .iter()
                .all(|kind| kind.name.starts_with(kind.provider()))
        );
    }
}
